INSERT INTO greetings (id, text) VALUES (1, 'Hello from MySQL & PHP.')
  ON DUPLICATE KEY UPDATE id = id;
