INSERT INTO greetings (id, text) VALUES (1, 'Hello from MySQL: <em>escaped</em> & well.')
  ON DUPLICATE KEY UPDATE id = id;
