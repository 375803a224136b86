"""The mails' templates: read, flattened, inlined and compiled once; for each customer only the values are rendered."""

import os

# premailer reads these when it is first imported, and knows no other way. By default it forgets what is used least
# often, which is each new stylesheet: it would be parsed again for every template that shares it. What was used last
# is the right thing to keep: the templates of one look are compiled one after the other.
os.environ.setdefault("PREMAILER_CACHE", "LRU")
os.environ.setdefault("PREMAILER_CACHE_MAXSIZE", "300")
