# What doxygen is given in place of a public header; line numbers stay as they are.

# The comment that opens a header is documentation of the file; an example in it is indented by
# three spaces, and doxygen wants four.
1,/^#pragma once/ {
  s|^//   |///     |
  s|^//\([^/]\)|///\1|
  s|^//$|///|
  s|^#pragma once|/// @file|
}

# A comparison member by member has nothing to tell.
s/^.*operator\(==\|<=>\)(.*= default;$//

# Doxygen joins a comment to a trailing one (`///<`) on the line before, unless they look different.
s|^\( \{1,\}\)///\([^</].*\)|\1/**\2 */|
