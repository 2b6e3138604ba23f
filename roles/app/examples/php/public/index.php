<?php

declare(strict_types=1);

// Every request that is no file of public/ comes here.

require __DIR__ . '/../src/database.php';
require __DIR__ . '/../src/page.php';

$path = parse_url($_SERVER['REQUEST_URI'] ?? '/', PHP_URL_PATH);
$release = getenv('RELEASE') ?: 'unknown';

try {
    match ($path) {
        '/' => page(greeting(database()), $release),
        '/health' => health(greeting(database()), $release),
        default => notFound(),
    };
} catch (PDOException $error) {
    error_log("database: {$error->getMessage()}");
    $path === '/health' ? health(null, $release) : unavailable();
}
