export interface SftpServer {
  readonly host: string
  readonly port: number
  readonly user: string
}

/** The server of `sftp://user@host:port//path`; undefined for another form. Source: restic's manual, "SFTP". */
export function sftpServer(repository: string): SftpServer | undefined {
  const found = /^sftp:\/\/([a-z_][a-z0-9_.-]*)@(?:\[([0-9a-f:]+)\]|([a-z0-9.-]+))(?::(\d{1,5}))?\/.+$/i.exec(
    repository,
  )
  if (!found) return undefined
  const [, user = '', address, name = '', port = '22'] = found
  return { host: address ?? name, port: Number(port), user }
}
