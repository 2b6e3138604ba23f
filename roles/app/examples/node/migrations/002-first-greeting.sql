INSERT INTO greetings (id, text) VALUES (1, 'Hello from MySQL & Node.')
  ON DUPLICATE KEY UPDATE id = id;
