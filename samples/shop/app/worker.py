"""Takes order numbers from the Redis queue and packs them."""
import signal
import sys

import stores


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    connection = stores.database()
    stores.ensure_schema(connection)
    cache = stores.cache()
    print("waiting for orders")
    while True:
        item = cache.blpop("orders:queue", timeout=0)
        if item is None:
            continue
        with connection.cursor() as cursor:
            cursor.execute("UPDATE orders SET state = 'packed' WHERE id = %s", (int(item[1]),))
        cache.delete("orders:list")
        print("packed order %s" % item[1])


if __name__ == "__main__":
    main()
