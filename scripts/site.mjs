#!/usr/bin/env zx
// Applies roles to the hosts of an inventory: each play gives the hosts of a pattern these roles, in this order.
import { play, site } from '#capstan'

await site(play('all', ['base', 'dns', 'nginx', 'app', 'mysql', 'tls', 'backup']))
