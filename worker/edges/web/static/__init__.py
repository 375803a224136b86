"""Files that pages load: the icon, and what starts the page of the API."""
