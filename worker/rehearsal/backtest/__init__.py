"""The stored history played through a flow that is not live yet, in memory."""
