<?php

declare(strict_types=1);

/** The database of the app's environment. Throws PDOException where it does not answer. */
function database(): PDO
{
    $name = getenv('DB_NAME');
    $socket = getenv('DB_SOCKET');
    $options = [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_TIMEOUT => 5];
    return new PDO(
        "mysql:unix_socket=$socket;dbname=$name;charset=utf8mb4",
        getenv('DB_USER') ?: '',
        getenv('DB_PASSWORD') ?: '',
        $options,
    );
}

/** The newest greeting: `['text' => …, 'written' => …]`; null where there is none. */
function greeting(PDO $database): ?array
{
    $row = $database
        ->query('SELECT text, written FROM greetings ORDER BY id DESC LIMIT 1')
        ->fetch(PDO::FETCH_ASSOC);
    return $row === false ? null : $row;
}
