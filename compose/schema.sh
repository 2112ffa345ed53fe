#!/bin/sh
# Temporal's two databases, made or brought to the schema of this version.
set -eu
schemas=/etc/temporal/schema/postgresql/v12

for database in temporal:temporal temporal_visibility:visibility; do
    name=${database%%:*}
    sql="temporal-sql-tool --plugin postgres12 --endpoint postgres --port 5432 --user postgres --database $name"
    $sql create
    # Of a database that has a version already, this is an error and leaves it alone.
    $sql setup-schema --version 0.0 || true
    $sql update-schema --schema-dir "$schemas/${database##*:}/versioned"
done
