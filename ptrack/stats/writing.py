"""How a row is written: it is committed when `write` returns.

Outside a transaction of the caller, a row is a single INSERT that commits itself. So
no flag of Django says "in a transaction" for a moment, and a signal leaves none
behind.

A row that is in the table already is left as it is: a hit may be delivered twice.
"""

import time
from typing import Any

from django.db import (
    Error,
    IntegrityError,
    InterfaceError,
    OperationalError,
    router,
)
from django.db import connections as django_connections
from django.db.backends.base.base import BaseDatabaseWrapper

from . import connections
from .models import Row

PATIENCE = 5.0
"""Seconds for which a row is tried again while no connection is to be had."""

PAUSES = 0.02, 0.5
"""Seconds between the first two attempts, and at most; each pause doubles."""

_unreachable: set[str] = set()
"""The databases that a row was given up for, and that took none since then."""

_latest: dict[str, Any] = {}
"""The key of the latest row that a database took without a transaction."""


class _NoConnectionError(Exception):
    """A row couldn't be written because of the connection.

    Args:
        error: The error of the database.
        was_open: The connection was open before, so a new one may do at once.
    """

    def __init__(self, error: Error, was_open: bool) -> None:
        self.error = error
        self.was_open = was_open


def write(row: Row, in_request: bool = False) -> None:
    """Write a row, and return when it is committed.

    If the caller has begun a transaction, the row is part of it, and a failure undoes
    this row alone.

    Args:
        row: The row, with its primary key. If the table has that already, nothing is
            written.
        in_request: Django handles a request now, and looks after its own connection.

    Raises:
        django.db.Error: It can't be written. If no connection was to be had, it was
            tried for `PATIENCE` seconds, or once if the database took no row lately.
    """
    using = router.db_for_write(type(row), instance=row)
    connections.close_interrupted()
    connection = django_connections[using]
    if _is_in_transaction(connection):
        _write_in_transaction(row, connection)
    else:
        _write_patiently(row, using, in_request)


def _is_in_transaction(connection: BaseDatabaseWrapper) -> bool:
    """Return whether the caller commits the row."""
    if connection.in_atomic_block:
        return True
    if connection.connection is None:
        return not connection.settings_dict["AUTOCOMMIT"]
    return not connection.autocommit


def _write_in_transaction(row: Row, connection: BaseDatabaseWrapper) -> None:
    """Write a row as a part of the caller's transaction."""
    # Not atomic(): if a signal ended that, the caller's block couldn't end any more.
    # Django 6.1 gives transaction.savepoint() another name.
    savepoint: Any = connection.savepoint()
    try:
        _insert(row, connection)
    except Error as error:
        connection.savepoint_rollback(savepoint)
        if not (isinstance(error, IntegrityError) and _has(row, connection)):
            raise
    connection.savepoint_commit(savepoint)


def _write_patiently(row: Row, using: str, in_request: bool) -> None:
    """Write a row, and try it again for a time if there is no connection."""
    before = _latest.get(using)
    patience = 0.0 if using in _unreachable else PATIENCE
    deadline = time.monotonic() + patience
    pause, longest = PAUSES
    while True:
        try:
            _write_once(row, using, in_request)
        except _NoConnectionError as error:
            lost = error
        else:
            _latest[using] = row.pk
            _unreachable.discard(using)
            return
        if lost.was_open:
            continue
        if time.monotonic() + pause > deadline:
            if _latest.get(using) == before:
                # Otherwise it took other rows, and only had too many clients.
                _unreachable.add(using)
            raise lost.error
        time.sleep(pause)
        pause = min(2 * pause, longest)


def _write_once(row: Row, using: str, in_request: bool) -> None:
    """Write a row over Django's connection if it is open, else over one of our own."""
    connection = django_connections[using]
    own = not in_request and connection.connection is None
    if own:
        connection = connections.take(using)
    was_open = connection.connection is not None
    connections.start(connection)
    try:
        _insert_or_find(row, connection)
    except Error as error:
        usable = _is_usable(connection)
        if own or not usable:
            connections.close(connection)
        connections.end()
        if isinstance(error, InterfaceError | OperationalError) and not usable:
            raise _NoConnectionError(error, was_open) from None
        raise
    except BaseException:
        connections.abandon(connection)
        connections.end()
        raise
    connections.end()
    if own:
        connections.put_back(connection)


def _is_usable(connection: BaseDatabaseWrapper) -> bool:
    """Return whether a connection is as it was, after an error of the database."""
    is_open = connection.connection is not None
    return is_open and connection.autocommit and connection.is_usable()


def _insert_or_find(row: Row, connection: BaseDatabaseWrapper) -> None:
    try:
        _insert(row, connection)
    except IntegrityError:
        if not _has(row, connection):
            raise


def _insert(row: Row, connection: BaseDatabaseWrapper) -> None:
    """Insert a row over a connection, which is opened if it isn't open."""
    fields: Any = row._meta.concrete_fields
    quote = connection.ops.quote_name
    table, names = quote(row._meta.db_table), (quote(each.column) for each in fields)
    marks = ", ".join(["%s"] * len(fields))
    sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [_prepare(row, each, connection) for each in fields])


def _prepare(row: Row, field: Any, connection: BaseDatabaseWrapper) -> Any:
    return field.get_db_prep_save(getattr(row, field.attname), connection)


def _has(row: Row, connection: BaseDatabaseWrapper) -> bool:
    """Return whether the table has the row."""
    key: Any = row._meta.pk
    quote = connection.ops.quote_name
    table = quote(row._meta.db_table)
    sql = f"SELECT 1 FROM {table} WHERE {quote(key.column)} = %s"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [_prepare(row, key, connection)])
        return cursor.fetchone() is not None
