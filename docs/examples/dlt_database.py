"""A database as a source through dlt, for what one query can't say: two tables joined here.

    export PLAYHEAD_SOURCES_CODE=docs/examples
    playhead sources add products 'dlt:docs/examples/dlt_database.py#products' --tenant acme \
        -o key=id -o title=name -o text=text -o arg.url=sqlite:///shop.db
    playhead sources run products --tenant acme

A table or a query needs no code: playhead sources add articles sqlite:///shop.db -o table=articles -o key=id
"""

from dlt.sources.sql_database import sql_database


def products(url: str):
    """Yield each product with what its reviews say."""
    database = sql_database(url, table_names=["products", "reviews"], reflection_level="minimal")
    said = {}
    for review in database.reviews:
        said.setdefault(review["product"], []).append(review["words"])
    for product in database.products:
        reviews = "".join(f"- {words}\n" for words in said.get(product["id"], ()))
        text = f"{product['description']}\n\n## What customers say\n\n{reviews}"
        yield {"id": product["id"], "name": product["name"], "text": text}
