" SPDX-License-Identifier: GPL-2.0-only
" Vim syntax for scenarios: put it in ~/.vim/syntax/ and set syntax=luosim.
syntax match luosimComment "#.*"
syntax region luosimString start=+"+ skip=+\\"+ end=+"+ oneline
syntax match luosimHeader "^\s*\(scenario\|about\|source\|runs\|kernel\|handler\|use\|explore\|repeat\|race\|task\|end\|process\|fail\|expect\|always\|never\|sometimes\)\>"
syntax match luosimCall "\<\l\w*\ze("
syntax match luosimErrno "-E\u\w*"
syntax match luosimNumber "\<\(0x\x\+\|\d\+[KMGT]\?\)\>"
highlight default link luosimComment Comment
highlight default link luosimString String
highlight default link luosimHeader Statement
highlight default link luosimCall Function
highlight default link luosimErrno Error
highlight default link luosimNumber Number
