#!/usr/bin/env zx
// Manages the local Debian hosts of the default inventory and the tests: up, down, status, ssh.
import { commands } from '#capstan'

await commands.sandbox()
