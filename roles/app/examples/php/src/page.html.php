<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title><?= e($title) ?></title>
  <link rel="icon" href="<?= e(asset('logo.svg')) ?>" type="image/svg+xml">
  <link rel="stylesheet" href="<?= e(asset('site.css')) ?>">
</head>
<body>
  <main>
    <img src="<?= e(asset('logo.svg')) ?>" alt="" width="72" height="72">
    <h1><?= e($title) ?></h1>
    <blockquote>
      <p><?= e($values['text']) ?></p>
      <?php if (isset($values['written'])): ?>
      <footer>a row of MySQL, written <time><?= e($values['written']) ?></time> UTC</footer>
      <?php endif ?>
    </blockquote>
    <?php if (isset($values['release'])): ?>
    <ol class="way" aria-label="The way of this page">
      <li>browser</li>
      <li>nginx</li>
      <li>PHP</li>
      <li>MySQL</li>
    </ol>
    <p class="release">release <code><?= e($values['release']) ?></code></p>
    <?php else: ?>
    <p><a href="/">To the first page</a></p>
    <?php endif ?>
  </main>
</body>
</html>
