"""The shop: orders go to PostgreSQL and into a Redis queue; the list is read through Redis."""
import html
import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import stores

LIST_KEY = "orders:list"
PAGE = """<!doctype html><title>shop</title><h1>The berth shop</h1>
<form method="post" action="/orders"><input name="product" value="anchor"> <button>order</button></form>
<p>{count} orders, read from {source}</p><ul>{rows}</ul>"""


def read_orders():
    cache = stores.cache()
    cached = cache.get(LIST_KEY)
    if cached:
        return json.loads(cached), "cache"
    connection = stores.database()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT id, product, state FROM orders ORDER BY id DESC LIMIT 50")
            orders = [{"id": i, "product": p, "state": s} for i, p, s in cursor.fetchall()]
    finally:
        connection.close()
    cache.set(LIST_KEY, json.dumps(orders), ex=30)
    return orders, "database"


def add_order(product):
    connection = stores.database()
    try:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO orders (product) VALUES (%s) RETURNING id", (product,))
            number = cursor.fetchone()[0]
    finally:
        connection.close()
    cache = stores.cache()
    cache.delete(LIST_KEY)
    cache.rpush("orders:queue", number)
    return number


class Handler(BaseHTTPRequestHandler):
    def answer(self, code, body, kind="application/json"):
        data = body.encode()
        self.send_response(code)
        self.send_header("Content-Type", kind + "; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        if self.path == "/health":
            stores.cache().ping()
            stores.database().close()
            return self.answer(200, '{"ok": true}\n')
        orders, source = read_orders()
        if self.path == "/orders":
            return self.answer(200, json.dumps({"source": source, "orders": orders}) + "\n")
        if self.path != "/":
            return self.answer(404, '{"error": "not found"}\n')
        rows = "".join("<li>#%d %s: %s</li>" % (o["id"], html.escape(o["product"]), o["state"]) for o in orders)
        self.answer(200, PAGE.format(count=len(orders), source=source, rows=rows), "text/html")

    def do_POST(self):
        if self.path != "/orders":
            return self.answer(404, '{"error": "not found"}\n')
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        product = body.partition("product=")[2].split("&")[0].replace("+", " ") or "anchor"
        self.answer(201, json.dumps({"id": add_order(product)}) + "\n")

    def log_message(self, form, *args):
        if self.path != "/health":
            print("%s %s" % (self.client_address[0], form % args))


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    connection = stores.database()
    stores.ensure_schema(connection)
    connection.close()
    port = int(os.environ["PORT"])
    print("serving on port %d" % port)
    ThreadingHTTPServer(("", port), Handler).serve_forever()


if __name__ == "__main__":
    main()
