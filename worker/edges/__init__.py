"""Where the house meets the world: composition, processes, web, command line."""
