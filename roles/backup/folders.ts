/** The files of a site that are no part of its releases: uploads, among others. */
export function sharedFolder(app: string): string {
  return `/srv/www/${app}/shared`
}
