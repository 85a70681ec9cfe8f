#include "jetway/jsp/config.h"

#include <utility>

namespace jetway::jsp {

std::shared_ptr<const JspConfig> share(JspConfig config) {
  config.session = session::in_range(std::move(config.session));
  return std::make_shared<const JspConfig>(std::move(config));
}

}  // namespace jetway::jsp
