import type { Facts } from '#engine/converge/facts.ts'

/** Algorithms of sshd that ssh-audit finds nothing against, and that the host's OpenSSH knows. Source: ssh -Q, sshd_config(5). */
export function algorithms({ system }: Facts): Readonly<Record<string, string>> {
  // OpenSSH 9.9 and later: Debian 13.
  const isNew = system === 'debian 13' || system === 'debian sid'
  const signatures =
    'ssh-ed25519-cert-v01@openssh.com,rsa-sha2-512-cert-v01@openssh.com,rsa-sha2-256-cert-v01@openssh.com,ssh-ed25519,rsa-sha2-512,rsa-sha2-256'
  return {
    KexAlgorithms: [
      ...(isNew ? ['mlkem768x25519-sha256', 'sntrup761x25519-sha512'] : []),
      'sntrup761x25519-sha512@openssh.com',
      'curve25519-sha256',
      'curve25519-sha256@libssh.org',
      'diffie-hellman-group18-sha512',
      'diffie-hellman-group16-sha512',
    ].join(),
    Ciphers: 'aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr',
    MACs: 'hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com,umac-128-etm@openssh.com',
    HostKeyAlgorithms: signatures,
    CASignatureAlgorithms: 'ssh-ed25519,rsa-sha2-512,rsa-sha2-256',
    // Security keys of people: they log in with these, and no host has one.
    PubkeyAcceptedAlgorithms: `sk-ssh-ed25519-cert-v01@openssh.com,sk-ecdsa-sha2-nistp256-cert-v01@openssh.com,${signatures},sk-ssh-ed25519@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521`,
  }
}
