# SPDX-License-Identifier: GPL-2.0
# Names in the ABI headers, one a line: S struct, F struct field, C constant. Knows the
# style the headers are written in, and no C beyond that.

function strip(s)
{
	gsub(/\/\*[^*]*\*\//, "", s)
	sub(/\/\*.*/, "", s)
	return s
}

/^struct [a-z0-9_]+ \{/ { name = $2; print "S", name; where = "struct"; next }
/^enum [a-z0-9_]* ?\{/ { where = "enum"; next }
/^\}/ { where = "" }

where == "struct" && /;/ {
	s = strip($0)
	sub(/;.*/, "", s)
	sub(/^[ \t]*(struct )?[a-z0-9_]+[ \t]+/, "", s)
	n = split(s, f, ",")
	for (i = 1; i <= n; i++) {
		sub(/\[.*/, "", f[i])
		gsub(/[ \t]/, "", f[i])
		print "F", name, f[i]
	}
}

where == "enum" {
	n = split(strip($0), f, ",")
	for (i = 1; i <= n; i++) {
		sub(/=.*/, "", f[i])
		gsub(/[ \t]/, "", f[i])
		if (f[i] ~ /^BVF_[A-Z0-9_]+$/)
			print "C", f[i]
	}
}

where == "" && /^#define[ \t]+BVF_[A-Z0-9_]+[ \t]+[^ \t]/ { print "C", $2 }
