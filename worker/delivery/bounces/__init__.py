"""Bounces: reports of mails that came back are read, classed, and written down with what follows from them."""
