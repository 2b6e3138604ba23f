/**
 * What the path of a file with a hash in its name matches, for nginx and perl alike. Names that people choose
 * rarely match; in the folders of a bundler, a few may. A file without one may change, and is kept no longer than its release.
 */
export const hashedName = `(?:${[
  // `site.0123abcd.css`: 8 to 64 hex digits, a letter among them. Digits alone are a date or a number.
  String.raw`[.-](?=[0-9]*[a-f])[0-9a-f]{8,64}\.[0-9A-Za-z.]+`,
  // `assets/index-Bwf2ldb_.js` of Vite: 8 of base64url, both cases among them, and a digit or two capitals after the first.
  String.raw`${bundled()}(?=[\w-]{0,7}[A-Z])(?=[\w-]{0,7}[0-9]|[\w-]{1,6}[A-Z][\w-]{0,5}[A-Z])[\w-]{8}\.(?:m?js|css|woff2?|ttf|wasm)(?:\.map)?`,
  // An image of the same; people number theirs, as in `photo-Summer24.jpg`, so a capital comes later.
  String.raw`${bundled()}(?=[\w-]{1,7}[A-Z])(?=[\w-]{0,7}[0-9]|[\w-]{1,6}[A-Z][\w-]{0,5}[A-Z])[\w-]{8}\.(?:svg|png|jpe?g|gif|webp|avif)`,
  // `app-XTFGSPZ3.js` of esbuild: 8 of base32, in a script or style.
  String.raw`[.-](?=[A-Z]{0,7}[2-7])(?=[2-7]{0,7}[A-Z])[A-Z2-7]{8}\.(?:m?js|css)(?:\.map)?`,
].join('|')})$`

/** A name with a small letter in its hash, in a folder that bundlers write to. */
function bundled(): string {
  return String.raw`(?:^|/)(?:assets|_astro|_app|_nuxt|build|dist)/.*[.-](?=[\w-]{0,7}[a-z])`
}
