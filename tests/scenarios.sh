#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every scenario, under every variant that it names.
exec "$LUOSIM" --format=ktap --all "${srcdir:=.}/scenarios"
