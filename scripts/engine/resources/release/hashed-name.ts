/**
 * What the path of a file with a hash in its name matches, for nginx and perl alike. A name that a person gave has none of these
 * forms; a file without one may change, and is kept no longer than its release.
 */
export const hashedName = String.raw`[.-](?:${[
  // `site.0123abcd.css`: 8 to 64 hex digits, a letter among them. Digits alone are a date or a number.
  '(?=[0-9]*[a-f])[0-9a-f]{8,64}',
  // `index-Bwf2ldb_.js` of Vite and Rollup: 8 of base64url, both cases, and a digit or two capitals further on.
  String.raw`(?=[\w-]{0,7}[A-Z])(?=[\w-]{0,7}[a-z])(?=[\w-]{0,7}[0-9]|[\w-]{1,6}[A-Z][\w-]{0,5}[A-Z])[\w-]{8}`,
  // `app-XTFGSPZ3.js` of esbuild: 8 of base32, in a script or style.
  String.raw`(?=[A-Z]{0,7}[2-7])(?=[2-7]{0,7}[A-Z])[A-Z2-7]{8}(?=\.(?:m?js|css)(?:\.map)?$)`,
].join('|')})\.[0-9A-Za-z.]+$`
