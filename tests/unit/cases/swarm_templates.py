"""Templates of which a real Engine was asked whether it takes a service with them (swarm_templates.json: its answers).

tests/integration/test_templates_against_engine.py asks again; with STACKWRIGHT_RECORD=1 it writes the answers.
"""

from __future__ import annotations

from pathlib import Path

ANSWERS = Path(__file__).with_name("swarm_templates.json")

#: What only Engines built with Go 1.23 and later take; the answers are those of 20.10.
NEWER = (
    "{{with .Node}}a{{else with .Task}}b{{end}}",
    "{{range 3}}{{.}}{{end}}",
    "{{range $i := 3}}{{$i}}{{end}}",
)
#: Left-over Jinja, typing errors, what Swarm documents, and the corners of Go's grammar.
TEMPLATES = (
    r"""
{{ db_password }}
{{db_password}}
{{ lookup('env', 'HOME') }}
{{ hostvars['a'].b }}
{{ groups['all'] | length }}
{{ "a" | upper }}
{{ a.b }}
{{ 'x' }}
{{ "x" }}
{{ x | default('y') }}
{% if x %}a{% endif %}
{# comment #}
{{ item.name }}
{{ 1 + 2 }}
{{ [1, 2] }}
{{ {"a": 1} }}
{{ not x }}
{{ a if b else c }}
{{
}}
{{}}
{{ }}
{{.}}
{{ . }}
{{.Foo}}
{{.Service}}
{{.Service.ID}}
{{.Service.Name}}
{{.Service.Labels}}
{{.Service.Labels.x}}
{{.Service.Labels.x.y}}
{{index .Service.Labels "x"}}
{{index .Service.Labels 1}}
{{index .Service.Labels}}
{{index .Service "Name"}}
{{index .Service.Name 0}}
{{index .Service.Name 99}}
{{.Service.Image}}
{{.Node.ID}}
{{.Node.Hostname}}
{{.Node.hostname}}
{{.Node.Platform}}
{{.Node.Platform.OS}}
{{.Node.Platform.Architecture}}
{{.Node.Platform.Os}}
{{.Node.Labels}}
{{.Node.IP}}
{{.Task.ID}}
{{.Task.Name}}
{{.Task.Slot}}
{{.Task.Labels}}
{{.Task.Slot.X}}
{{.task.slot}}
{{.Task .Slot}}
{{.Task. Slot}}
{{ .Task.Slot }} and {{ .Node.Hostname }}
a{{.Task.Slot}}b
{{.Task.Slot}
{.Task.Slot}}
{{{.Task.Slot}}}
{{ {{.Task.Slot}} }}
{{"{{"}}.Task.Slot}}
{{`{{`}} x }}
{{"unclosed}}
{{`unclosed}}
{{'a'}}
{{'\n'}}
{{'\q'}}
{{''}}
{{"\q"}}
{{"\x41\u0041\n\""}}
{{"\'"}}
{{- .Task.Slot -}}
{{-.Task.Slot-}}
{{- .Task.Slot-}}
{{-3}}
{{- 3}}
{{3 -}}
{{3-}}
{{/* a comment */}}
{{- /* a comment */ -}}
{{ /* a comment */ }}
{{/* a comment}}
{{/* a comment */ }}
{{/**/}}
{{if .Task.Slot}}a{{end}}
{{if .Task.Slot}}a{{else}}b{{end}}
{{if .Task.Slot}}a
{{if}}a{{end}}
{{if true}}{{.Foo}}{{end}}
{{if false}}{{.Foo}}{{end}}
{{if eq .Task.Slot "1"}}a{{else}}{{.Foo}}{{end}}
{{if eq .Task.Slot 1}}a{{end}}
{{if eq .Service.Name "servicename"}}{{.Foo}}{{end}}
{{if eq .Service.Name "shop_web"}}{{.Foo}}{{end}}
{{if ne .Node.Hostname "w1"}}a{{else if eq .Node.Hostname "w2"}}b{{else}}c{{end}}
{{if .Task.Slot}}a{{elseif}}b{{end}}
{{if .Task.Slot}}a{{else}}b{{else}}c{{end}}
{{if .Task.Slot}}a{{else with .Node}}c{{end}}
{{end}}
{{else}}
{{if nil}}a{{end}}
{{if .Service}}a{{end}}
{{with .Node}}{{.Hostname}}{{end}}
{{with .Node}}{{.Slot}}{{end}}
{{with .Task.Name}}{{.}}{{else}}none{{end}}
{{with $t := .Task}}{{$t.Slot}}{{end}}
{{with .Node}}a{{else with .Task}}b{{end}}
{{with .Node}}{{$.Task.Slot}}{{end}}
{{$x := .Task.Slot}}{{$x}}
{{$x}}
{{$x = 1}}
{{$x := 1}}{{$x = 2}}{{$x}}
{{if $x := 1}}{{$x}}{{end}}{{$x}}
{{$}}
{{$.Foo}}
{{$ := 1}}
{{$x, $y := 1}}
{{$x:=1}}{{$x.y}}
{{range .Service.Labels}}{{.}}{{end}}
{{range $k, $v := .Service.Labels}}{{$k}}{{$v}}{{else}}none{{end}}
{{range $k, $v, $w := .Service.Labels}}{{end}}
{{range .Service.Labels}}{{break}}{{end}}
{{range .Service.Labels}}{{continue}}{{end}}
{{break}}
{{continue}}
{{range .Task.Slot}}{{end}}
{{range .Task}}{{end}}
{{range 3}}{{.}}{{end}}
{{range $i := 3}}{{$i}}{{end}}
{{range $i, $j := 3}}{{$i}}{{end}}
{{range true}}{{end}}
{{range nil}}{{end}}
{{template "x"}}
{{define "x"}}a{{end}}
{{define "x"}}a{{end}}{{template "x"}}
{{define "x"}}{{.Slot}}{{end}}{{template "x" .Task}}
{{define "x"}}{{.Slot}}{{end}}{{template "x"}}
{{define "x"}}a{{end}}{{define "x"}}b{{end}}
{{define "x"}} {{end}}{{define "x"}}b{{end}}
{{define x}}a{{end}}
{{define "x"}}a{{else}}b{{end}}
{{if true}}{{define "x"}}a{{end}}{{end}}
{{block "x" .}}{{.Task.Slot}}{{end}}
{{block "x"}}a{{end}}
{{template x}}
{{template "x" 1 2}}
{{and .Task.Slot .Node.ID}}
{{and}}
{{or "" "a"}}
{{or 1 .Foo}}
{{and 0 .Foo}}
{{and 1 .Foo}}
{{not true}}
{{not}}
{{not 1 2}}
{{len .Task.Slot}}
{{len .Service.Labels}}
{{len .Service}}
{{len 3}}
{{len nil}}
{{len}}
{{slice .Task.Name 1 2}}
{{slice .Task.Name 1 99}}
{{slice .Task.Name 2 1}}
{{slice .Task.Name 1 2 3}}
{{slice .Task.Name}}
{{slice 3}}
{{print "a" 1 nil}}
{{print}}
{{printf "%s-%s" .Service.Name .Task.Slot}}
{{printf "%d" .Task.Slot}}
{{printf}}
{{printf 1}}
{{printf .Service}}
{{printf nil}}
{{println .Task.Slot}}
{{html "<a>"}}
{{js "'"}}
{{urlquery "a b"}}
{{call .Foo}}
{{call .Task.Slot}}
{{call}}
{{eq 1 1}}
{{eq 1 1.0}}
{{eq 1}}
{{eq "a" nil}}
{{eq nil nil}}
{{eq .Service .Service}}
{{eq .Node .Node}}
{{eq .Task .Task}}
{{eq .Task .Node}}
{{eq .Service.Labels .Service.Labels}}
{{eq .Service.Labels nil}}
{{eq .Task "a"}}
{{eq "a" "b" "c"}}
{{eq "a" "b" 1}}
{{eq "a" "a" 1}}
{{ne 1 2}}
{{ne 1 2 3}}
{{lt 1 2}}
{{lt 1 "a"}}
{{lt "a" "b"}}
{{lt true false}}
{{lt 1 nil}}
{{lt .Task .Task}}
{{le 1 1}}
{{gt 2 1}}
{{ge 2.5 1.5}}
{{ge 2.5 1}}
{{eq 1i 1i}}
{{lt 1i 1i}}
{{join "-" "a" "b"}}
{{join "-" .Task.Slot .Node.ID}}
{{join "-"}}
{{join}}
{{join 1 2}}
{{join "-" .Service}}
{{split "a" "b"}}
{{json .}}
{{title "a"}}
{{lower "A"}}
{{env "HOME"}}
{{secret "x"}}
{{config "x"}}
{{.Expand "a"}}
{{.Expand "{{.Task.Slot}}"}}
{{.Expand "{{.Foo}}"}}
{{.Expand}}
{{.Expand 1}}
{{.Expand "a" "b"}}
{{$.Expand "a"}}
{{.Task.Slot | printf "%s"}}
{{.Task.Slot | .Foo}}
{{.Task.Slot | .Node.ID}}
{{.Task.Slot | "a"}}
{{"a" | print | len}}
{{"a" | 1}}
{{"a" |}}
{{| "a"}}
{{"a" || "b"}}
{{(.Task).Slot}}
{{(.Task).Foo}}
{{(print "a").Foo}}
{{print.Foo}}
{{()}}
{{(.Task}}
{{.Task)}}
{{(.Task.Slot) 1}}
{{(.Task.Slot)}}
{{"a".b}}
{{1.b}}
{{true.b}}
{{nil}}
{{nil.a}}
{{true}}
{{false}}
{{1}}
{{1 2}}
{{"a" "b"}}
{{.Task.Slot 1}}
{{.Service.Labels.x 1}}
{{1.5}}
{{.5}}
{{1e3}}
{{1e}}
{{0x1F}}
{{0x}}
{{0b101}}
{{0b102}}
{{0o17}}
{{017}}
{{08}}
{{1_000}}
{{1__000}}
{{1_}}
{{0x1p4}}
{{0x1.8p1}}
{{1x}}
{{1+2i}}
{{1i}}
{{1+2}}
{{-1}}
{{+1}}
{{+}}
{{-}}
{{9223372036854775807}}
{{9223372036854775808}}
{{18446744073709551616}}
{{1e400}}
{{a,b}}
{{.a,.b}}
{{.Task.Slot,.Node.ID}}
{{é}}
{{.é}}
{{"é"}}
{{a-b}}
{{.Task-Slot}}
{{.Task/Slot}}
{{@}}
{{%}}
{{a=b}}
{{x := 1}}
{{: 1}}
{{\n}}
{{[0]}}
{{.Task["Slot"]}}
{{.Task[0]}}
{{!x}}
{{>x}}
{{#if x}}
{{/if}}
{{&x}}
{{^x}}
{{ if .Task.Slot }}a{{ end }}
{{if .Task.Slot}}a{{end }}
{{if .Task.Slot}}a{{end 1}}
{{if .Task.Slot | }}a{{end}}
{{if .Task.Slot}}{{if .Node.ID}}a{{end}}
{{if or (eq .Task.Slot "1") (eq .Task.Slot "2")}}first{{end}}
{{if and (ne .Node.Hostname "a") .Service.Name}}x{{else}}y{{end}}
{{if not (index .Service.Labels "x")}}x{{end}}
{{ .Service.Name }}-{{ .Task.Slot }}.{{ .Node.Hostname }}
{{.Node.Hostname}}:{{.Task.Slot}}:{{.Service.Labels.foo}}
{{ $.Service.Name | len | printf "%d" }}
{{ (index .Service.Labels "a") | len }}
{{ with index .Service.Labels "a" }}{{ . }}{{ end }}
{{ range $i, $x := .Service.Labels }}{{ if $i }},{{ end }}{{ $x }}{{ end }}
""".strip("\n").splitlines()
    + ["{{ ", "{{.Task.Slot\n}}", "{{if true\n}}a{{end}}", '{{"a\nb"}}', "{{`a\nb`}}", "{{.Task.Slot}}\t"]
)
