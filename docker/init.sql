-- Run by psql as the superuser, once, in an empty PostgreSQL: three databases that do not see each other, and roles that
-- can do no more than they must. `ledger_owner` makes and migrates the ledger's tables; `ledger`, with which the loop
-- runs, reads rows and appends them: facts are not changed, nor the triggers that see to it.
\set ON_ERROR_STOP on
\set ledger_owner_password `cat /run/secrets/ledger_owner_password`
\set ledger_password `cat /run/secrets/ledger_password`
\set prefect_password `cat /run/secrets/prefect_password`
\set mlflow_password `cat /run/secrets/mlflow_password`

CREATE ROLE ledger_owner LOGIN PASSWORD :'ledger_owner_password';
CREATE ROLE ledger LOGIN PASSWORD :'ledger_password';
CREATE ROLE prefect LOGIN PASSWORD :'prefect_password';
CREATE ROLE mlflow LOGIN PASSWORD :'mlflow_password';

CREATE DATABASE ledger OWNER ledger_owner;
CREATE DATABASE prefect OWNER prefect;
CREATE DATABASE mlflow OWNER mlflow;
REVOKE ALL ON DATABASE ledger, prefect, mlflow, postgres, template1 FROM PUBLIC;
-- Rows that may be there already are written by way of a temporary table.
GRANT CONNECT, TEMPORARY ON DATABASE ledger TO ledger;

\connect ledger
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO ledger;
ALTER DEFAULT PRIVILEGES FOR ROLE ledger_owner IN SCHEMA public GRANT SELECT, INSERT ON TABLES TO ledger;
ALTER DEFAULT PRIVILEGES FOR ROLE ledger_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO ledger;
