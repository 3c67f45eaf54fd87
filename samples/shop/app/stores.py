"""Connections that app and worker share."""
import os

import psycopg2
import redis


def database():
    connection = psycopg2.connect(
        host=os.environ["SHOP_DB_HOST"], dbname=os.environ["SHOP_DB_NAME"],
        user=os.environ["SHOP_DB_USER"], password=os.environ["SHOP_DB_PASSWORD"], connect_timeout=5)
    connection.autocommit = True
    return connection


def cache():
    return redis.Redis(host=os.environ["SHOP_CACHE_HOST"], decode_responses=True)


def ensure_schema(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(1)")
        cursor.execute("CREATE TABLE IF NOT EXISTS orders (id serial PRIMARY KEY, product text NOT NULL,"
                       " state text NOT NULL DEFAULT 'new', at timestamptz NOT NULL DEFAULT now())")
        cursor.execute("SELECT pg_advisory_unlock(1)")
