# Debian's entries of a deb822 file (*.sources) with other suites; written for mawk.
# -v release=bookworm -v suites="..." -v security="..." (an empty list leaves that archive out)
# -v expired_ok=1 accepts an index that has expired

BEGIN { RS = ""; FS = "\n" }

function has_word(list, word,   parts, n, i) {
  n = split(list, parts, /[ \t]+/)
  for (i = 1; i <= n; i++) if (parts[i] == word) return 1
  return 0
}

{
  split("", field)
  text = ""
  current = ""
  for (i = 1; i <= NF; i++) {
    if ($i ~ /^#/) continue
    if ($i ~ /^[^ \t:]+:/) {
      current = tolower(substr($i, 1, index($i, ":") - 1))
      field[current] = substr($i, index($i, ":") + 1)
    }
    if (current != "suites" && current != "types" && current != "components") text = text $i "\n"
  }
  if (tolower(field["enabled"]) ~ /no/ || !has_word(field["types"], "deb")) next
  if (!has_word(field["components"], "main")) next
  if (has_word(field["suites"], release)) wanted = suites
  else if (has_word(field["suites"], release "-security")) wanted = security
  else next
  if (wanted == "" || seen[wanted]++) next
  if (expired_ok) text = text "Check-Valid-Until: no\n"
  printf "Types: deb\nSuites: %s\nComponents: main\n%s\n", wanted, text
}
