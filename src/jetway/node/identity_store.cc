#include "jetway/node/identity_store.h"

#include <format>
#include <optional>

#include "jetway/base/text.h"
#include "jetway/node/private_file.h"
#include "jetway/node/shell.h"

namespace jetway::node {

namespace {

NodeResult<std::optional<LoadedIdentity>> load(const std::filesystem::path& file) {
  const auto pem = read_secret_file(file);
  if (!pem) return std::unexpected(pem.error());
  if (!*pem) return std::nullopt;
  auto identity = crypto::Identity::from_pem(as_text((*pem)->view()));
  if (!identity) {
    return std::unexpected(NodeError{
        NodeErrc::BadFile,
        std::format("{} holds no usable identity key: {}", escape_text(file.native()),
                    identity.error().reason),
        std::format("restore it from a backup, or move it away to get a new identity: mv {0} {0}.old",
                    shell_quoted(file.native()))});
  }
  return LoadedIdentity{std::make_shared<const crypto::Identity>(std::move(*identity)), false};
}

}  // namespace

NodeResult<LoadedIdentity> load_or_create_identity(const std::filesystem::path& file, crypto::KeyType type,
                                                   RandomSource& random) {
  auto loaded = load(file);
  if (!loaded) return std::unexpected(std::move(loaded.error()));
  if (*loaded) return std::move(**loaded);

  auto identity = std::make_shared<const crypto::Identity>(crypto::Identity::generate(type, random));
  const crypto::SecretBytes pem = identity->to_pem();
  const auto created = create_private_file(file, as_text(pem.view()));
  if (!created) return std::unexpected(created.error());
  if (*created) return LoadedIdentity{std::move(identity), true};

  loaded = load(file);  // another program was faster
  if (!loaded) return std::unexpected(std::move(loaded.error()));
  if (*loaded) return std::move(**loaded);
  return std::unexpected(
      NodeError{NodeErrc::Io, std::format("{} comes and goes", escape_text(file.native())), "try again"});
}

}  // namespace jetway::node
