"""One tenant's flood, and what the chats of others feel of it.

Tenants chat, one question at a time each: first while nothing else happens, then while another
tenant has submitted many large documents and has many questions waiting. Whole platform, over HTTP.
"""
