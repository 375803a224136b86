"""How it gets there: templates, rendering, links, sending, hits. Meets the engine only in the message table."""
