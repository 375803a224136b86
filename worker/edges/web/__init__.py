"""The web process: the shop's way in, the links of mails, and the pages."""
