<?php

declare(strict_types=1);

// Applies the .sql files beside it that the database has not had yet, in the order of their names. A file holds one
// statement, so that none fails unseen.
// Run once for each deploy, before the release is live; run again it changes nothing.

require __DIR__ . '/../src/database.php';

$database = database();
$database->exec(
    'CREATE TABLE IF NOT EXISTS migrations (name VARCHAR(190) PRIMARY KEY, applied TIMESTAMP DEFAULT CURRENT_TIMESTAMP)'
);
if ($database->query("SELECT GET_LOCK('migrations', 30)")->fetchColumn() != 1) {
    fwrite(STDERR, "another migration has been running for 30 s\n");
    exit(1);
}

$had = $database->query('SELECT name FROM migrations')->fetchAll(PDO::FETCH_COLUMN);
$files = array_filter(glob(__DIR__ . '/*.sql'), fn ($file) => !in_array(basename($file), $had, true));
foreach ($files as $file) {
    $database->exec(file_get_contents($file));
    $database->prepare('INSERT INTO migrations (name) VALUES (?)')->execute([basename($file)]);
    echo 'applied ', basename($file), "\n";
}
if ($files === []) {
    echo "nothing to migrate\n";
}
