<?php

declare(strict_types=1);

function page(?array $greeting, string $release): void
{
    html(200, 'It is live', [
        'text' => $greeting['text'] ?? 'The table of greetings is empty.',
        'written' => $greeting['written'] ?? null,
        'release' => $release,
    ]);
}

function notFound(): void
{
    html(404, 'Not found', ['text' => 'There is no page at this address.']);
}

function unavailable(): void
{
    header('Retry-After: 30');
    html(503, 'Back in a moment', ['text' => 'The database does not answer.']);
}

/** What a deploy asks before it switches: 200 with the release, once the app can do its work. */
function health(?array $greeting, string $release): void
{
    http_response_code($greeting === null ? 503 : 200);
    header('Content-Type: text/plain; charset=utf-8');
    header('Cache-Control: no-store');
    echo $greeting === null ? "no database $release\n" : "ok $release\n";
}

/** Renders src/page.html.php; its values reach the page through e() alone. */
function html(int $status, string $title, array $values): void
{
    http_response_code($status);
    header('Content-Type: text/html; charset=utf-8');
    header('Cache-Control: no-cache');
    header("Content-Security-Policy: default-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'self'");
    require __DIR__ . '/page.html.php';
}

function e(string $text): string
{
    return htmlspecialchars($text, ENT_QUOTES | ENT_SUBSTITUTE | ENT_HTML5, 'UTF-8');
}

/** The address of a file of public/assets: `site.css` → `/assets/site.1f2e3d4c.css`, whose content never changes. */
function asset(string $name): string
{
    [$stem, $ending] = explode('.', $name, 2);
    $found = glob(__DIR__ . "/../public/assets/$stem.*.$ending");
    return '/assets/' . basename($found[0] ?? $name);
}
