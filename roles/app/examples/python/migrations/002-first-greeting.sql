INSERT INTO greetings (id, text) VALUES (1, 'Hello from MySQL & Python.')
  ON DUPLICATE KEY UPDATE id = id;
