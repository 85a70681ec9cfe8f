# Debian's entries of a one-line file (*.list) with other suites; written for mawk.
# -v release=bookworm -v suites="..." -v security="..." (an empty list leaves that archive out)
# -v expired_ok=1 accepts an index that has expired

$1 != "deb" || $2 ~ /^cdrom:/ { next }

{
  options = ""
  k = 2
  if ($2 ~ /^\[/) {
    while (k < NF && $k !~ /\]$/) options = options $(k++) " "
    options = options $(k++) " "
  }
  if (expired_ok) options = "[check-valid-until=no" (options == "" ? "] " : " " substr(options, 2))
  uri = $k
  suite = $(k + 1)
  is_main = 0
  for (i = k + 2; i <= NF; i++) if ($i == "main") is_main = 1
  if (!is_main) next
  if (suite == release) wanted = suites
  else if (suite == release "-security") wanted = security
  else next
  if (wanted == "" || seen[wanted]++) next
  n = split(wanted, names, " ")
  for (i = 1; i <= n; i++) print "deb " options uri " " names[i] " main"
}
