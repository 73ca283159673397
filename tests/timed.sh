#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Runs one test, a script or a program, and says behind its results how much time it took of
# the processors, which a busy machine changes little.
case $1 in
*.sh) set -- bash "$@" ;;
esac
TIMEFORMAT='# %1U s user and %1S s system time'
time "$@"
