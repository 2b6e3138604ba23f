"""Applies the .sql files beside it that the database has not had yet, in the order of their names. A file holds one
statement, so that none fails unseen.
Run once for each deploy, before the release is live; run again it changes nothing."""

import sys
from pathlib import Path

here = Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent))

from src.database import database  # noqa: E402

connection = database()
cursor = connection.cursor()
cursor.execute(
    "CREATE TABLE IF NOT EXISTS migrations (name VARCHAR(190) PRIMARY KEY, applied TIMESTAMP DEFAULT CURRENT_TIMESTAMP)"
)
cursor.execute("SELECT GET_LOCK('migrations', 30)")
if cursor.fetchone() != (1,):
    sys.exit("another migration has been running for 30 s")

cursor.execute("SELECT name FROM migrations")
had = {name for (name,) in cursor.fetchall()}
files = [file for file in sorted(here.glob("*.sql")) if file.name not in had]
for file in files:
    cursor.execute(file.read_text(encoding="utf-8"))
    cursor.execute("INSERT INTO migrations (name) VALUES (%s)", (file.name,))
    print(f"applied {file.name}")
if not files:
    print("nothing to migrate")
