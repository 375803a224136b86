"""From the shop's YAML files to domain values, with every problem collected and placed."""
