#!/usr/bin/env zx
// Converges the inventory: each play gives the hosts of a pattern their roles, in this order.
import { play, site } from '#capstan'

await site(play('all', ['dns', 'nginx', 'app', 'mysql', 'tls']))
