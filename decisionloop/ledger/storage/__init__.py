"""The ledger's machinery: engines, migrations, bulk writes and reads. It knows no table by its meaning."""
