"""The Coffee, a simulated shop: it plays a month through Phin's front door. Nothing in `worker/` knows of it."""
