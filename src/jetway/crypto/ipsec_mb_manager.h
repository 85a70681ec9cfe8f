#pragma once

#include <intel-ipsec-mb.h>

namespace jetway::crypto {

// Of the whole process: what we call through it are plain functions that were chosen for this CPU; they write
// to nothing but what they are handed, so that threads share it. It lives as long as the process, since keys
// may outlive every static object. Null: the CPU lacks AES or carry-less multiplication, or the library
// failed its own test.
const IMB_MGR* ipsec_mb();

}  // namespace jetway::crypto
