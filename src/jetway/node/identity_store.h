#pragma once

#include <filesystem>
#include <memory>

#include "jetway/base/random.h"
#include "jetway/crypto/identity.h"
#include "jetway/node/error.h"

namespace jetway::node {

struct LoadedIdentity {
  std::shared_ptr<const crypto::Identity> identity;
  bool is_new = false;  // there was none
};

// The identity key in a PEM file, which is made (mode 0600, with a new key of `type`) when it is missing and
// never overwritten: what cannot be read is BadFile, what others can read OpenToOthers. Two programs that
// start at once end up with the same key.
NodeResult<LoadedIdentity> load_or_create_identity(const std::filesystem::path& file, crypto::KeyType type,
                                                   RandomSource& random);

}  // namespace jetway::node
