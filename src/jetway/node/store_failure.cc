#include "jetway/node/store_failure.h"

namespace jetway::node {

namespace {

transfer::FailureCode code_of(store::StoreErrc code) {
  switch (code) {
    case store::StoreErrc::SourceChanged:
      return transfer::FailureCode::SourceChanged;
    case store::StoreErrc::UnsafePath:
    case store::StoreErrc::DuplicateName:
    case store::StoreErrc::NameTooLong:
    case store::StoreErrc::Unsupported:
    case store::StoreErrc::OutsideLink:
      return transfer::FailureCode::BadName;
    default:
      return transfer::FailureCode::Io;
  }
}

}  // namespace

transfer::TransferFailure failure_of(const store::StoreError& error) {
  return {.code = code_of(error.code), .reason = store::describe(error)};
}

}  // namespace jetway::node
