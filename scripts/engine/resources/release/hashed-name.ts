/**
 * What the path of a file with a hash in its name matches, for nginx and perl alike: 8 to 64 hex digits before the extension,
 * a letter among them, as in `site.0123abcd.css`. Digits alone are a date or a number, and that file may change.
 */
export const hashedName = String.raw`[.-](?=[0-9]*[a-f])[0-9a-f]{8,64}\.[0-9A-Za-z.]+$`
