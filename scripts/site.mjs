#!/usr/bin/env zx
// Converges the inventory: each play gives the hosts of a pattern their roles, in this order.
import { play, site } from '#capstan'
import { app, dns, mysql, nginx, tls } from '#roles'

await site(play('all', [dns, nginx, app, mysql, tls]))
