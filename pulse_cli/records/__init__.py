"""What operators ask later: operations and their times, requests, crawls, change events.

Nothing here is needed to index or to search. A record store that is down costs no page.
"""
