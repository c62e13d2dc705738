// A service account for tests. Its key was made for this file and never had a use elsewhere.
#pragma once

#include <string>
#include <string_view>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace fanfare::oauth::testing {

inline constexpr std::string_view throwaway_key_pem =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQC69R1L5Jsl/tbX\n"
    "dA7wzO7wJX0eE3dluPteb5UAdLf+686CFSsamWP80K2sYN3HUeeZdopGI62uM11L\n"
    "ADufbRj0DOBVgBgbpdrxL3ZuV4vfzZytewypIUFpPATjCVfYrvHpzj3jE8Pcj3W5\n"
    "dnnUliG33emfNPsVKzhFfY0HFOAxeniiqEKhvCADZSFJgRZLZGSkQpHVA6bFAD2S\n"
    "sA4ZeFFHDL2eYiPGzxJ8XPg7SIwkrRo1Gpc4vnTLJ3jse6QVrknr6DGGg78qM+9t\n"
    "qMeQlITIQXPP55LbEKLAUXgLfXJ6No6fH0DRP43vqsZm6Zx9R6pGV3ff7PcJpy1N\n"
    "NiB+4d8xAgMBAAECggEAAoZO1/iFU9UGJ7CshvntfBa1gtN2eEwwMM1G8NOirHGY\n"
    "v07z3w8VN5PF1J8WP5vOidb89QeET+bnqpydMYDyplEKMn1hVfY+Z6VhbwoFnIcV\n"
    "R45y1FHbpUUnN72njwiFwceENG3O5kqVp2R/Lqy8VdRMVFcN0PJddyrD3cWdZW2g\n"
    "+wp3C1HiMFIaTjBDXUarnycCQ4JyYi4xHMecXO+NCvBA3TxdgF4l0LAwrv6OF0Wu\n"
    "aOdhOxNRoAnmaU2TL1W2r0GMSAWXDqI8zP21HoJtGkxoW/4xSPA9hbChw4rlGrxD\n"
    "e46OVlG71OtXcmUqZsgz8KWRgJZ2mTwDAzcrRrxehQKBgQD++QiVqEoR4jvCTfWf\n"
    "b1WPPTi0z/3nheDp+sCQO3BGWEvVl2hy2MxdcgXshAo5TTR17x0qdugG75NBPilp\n"
    "ikbZx6z6J6cDws72O1VnzO8jQ4XP3BuQChmW2DNWtW6hHD+CtTqH/iSfrQ3FDXZI\n"
    "ionAreeKnZuipdSfSZyueQ/fMwKBgQC7te7o6iKmOWAmfdbNe7jziZFolb0sHkTY\n"
    "qfM1+Ksx14bSMNo8uOMf06rTQXF/ulJC6TJSTWTVmcOG4YZx0gOixZL/YKKRGzt7\n"
    "ltfTaF6fgD8Q47pJEeXYuhR0BAFTEJ/qHxtsfp6Aupu+BtUoktHzw2QGFzoibzdv\n"
    "3V0iyp+YCwKBgQDzms135zT1hzffOgrdzEprs2t1XW9R/9hW1KucYh2wJ/Y0WReC\n"
    "+t2uvh0ozzLRcpEXyGAOTVL8JXOElzaLzoBI3HzI+I+aiUqheSjtJqCoCYBUixCO\n"
    "ewfd1iyewHO1XD7Vy/7jJY6qPHX2ehkzz6EzRTP+fPzQ1i2iDnuzOplOfwKBgGwe\n"
    "GoHlehesLIl/Kd4pSRpdPney58clmBoDqaaImHKY5Xrj0I/xHkESte4AX9NmCkOn\n"
    "9egZ096ENm7WL44XnSiADG8zxe82dEh3VdDa6MWOJMUhpga4XF88rtM0C19A0BsV\n"
    "18HiHIGg+lu1q8k2598zx8UKU93JmXDBXAfSFaKJAoGBALmexupjmpnH0EFtAzDm\n"
    "PUT3figJpqQtLtgYghIa2+Bs6auJ665/lkZksMemZJg5YdZ/FExFTHG9Q+mzRTPr\n"
    "qngVO0uhrzvDuuvpJBUmAVIkxCetf9hYtBzauqYl6l0pFQFRISI6/oJ6+k/2K0yW\n"
    "EnAKLlDF0ABR8lTxRRp2tPd1\n"
    "-----END PRIVATE KEY-----\n";

/// The fields of a whole and valid key file, to be changed by a test.
inline boost::json::object key_file_fields() {
  return {{"type", "service_account"},
          {"project_id", "demo-project"},
          {"private_key_id", "0123456789abcdef"},
          {"private_key", boost::json::string_view(throwaway_key_pem)},
          {"client_email", "sender@demo-project.iam.gserviceaccount.com"},
          {"token_uri", "https://oauth2.googleapis.com/token"},
          {"universe_domain", "googleapis.com"}};
}

/// A valid key file whose tokens come from `token_uri`.
inline std::string key_file(std::string_view token_uri) {
  auto fields = key_file_fields();
  fields["token_uri"] = boost::json::string_view(token_uri);
  return boost::json::serialize(fields);
}

}  // namespace fanfare::oauth::testing
