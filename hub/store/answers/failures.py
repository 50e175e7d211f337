"""How a store says that it does not answer; the only word of its driver that other rooms need."""

from sqlalchemy.exc import DBAPIError

StoreFailure = DBAPIError
"""The store did not answer or refused a statement; look at its log, then ask again."""
